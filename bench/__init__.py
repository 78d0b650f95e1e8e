"""pixelbake measured against what a user would write or pick instead: `python -m bench`."""
