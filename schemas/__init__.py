"""The vocabulary: what flows between the steps, free of TFX and TensorFlow."""
