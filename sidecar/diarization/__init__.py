"""Speaker diarization: who speaks when. Segmentation by pyannote's segmentation-3.0, embeddings by CAM++."""
