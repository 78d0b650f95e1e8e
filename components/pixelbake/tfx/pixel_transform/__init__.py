"""The PixelTransform component."""
