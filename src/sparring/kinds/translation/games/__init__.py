"""Games that make images of images."""
