"""Loss functions, each on plain tensors."""
