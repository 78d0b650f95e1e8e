"""The ServingCheck component."""
