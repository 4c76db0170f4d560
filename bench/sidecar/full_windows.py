"""The sidecar as other servers of Whisper are: every window at 30 s, whatever is said in it."""

from sidecar.__main__ import main

if __name__ == "__main__":
    from sidecar import features

    features.SIZES = features.GPU_SIZES = (features.FULL,)
    main()
