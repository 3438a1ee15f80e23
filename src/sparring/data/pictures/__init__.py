"""Image files to tensors."""
