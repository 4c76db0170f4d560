"""The sidecar with every window padded to 30 s, as other Whisper servers do."""

from sidecar.__main__ import main

if __name__ == "__main__":
    from sidecar.audio.features import FULL
    from sidecar.inference import padding

    padding.SIZES = padding.GPU_SIZES = (FULL,)
    main()
