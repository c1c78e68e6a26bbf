"""The vocabulary: what flows between the steps, free of TFX and TensorFlow."""

__version__ = "0.1.0"
