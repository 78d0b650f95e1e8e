"""A TFX app that imports pixelbake, as a user's would."""
