"""Images made from images: pairs, two kinds, holes to fill."""
