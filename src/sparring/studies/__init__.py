"""Studies: many runs that answer one question. Designs, which runs there are to be, who plays them."""
