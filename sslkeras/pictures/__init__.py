"""Pictures of a run: what was withheld, predicted, looked at and learned."""
