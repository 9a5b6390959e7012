"""From recordings and texts to what the models read."""
