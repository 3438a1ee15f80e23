"""What a GAN is: objectives, terms, games, players and the loop that plays them."""
