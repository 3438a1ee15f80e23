"""What kinds of pictures share in scores."""
