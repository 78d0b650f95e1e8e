"""Reading that can't lose data silently: pure Python, without TensorFlow or Beam."""
