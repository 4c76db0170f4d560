"""The sidecar with every window padded to 30 s, as other Whisper servers do."""

from sidecar.__main__ import main

if __name__ == "__main__":
    from sidecar.audio import features

    features.SIZES = features.GPU_SIZES = (features.FULL,)
    main()
