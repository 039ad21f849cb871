"""Claims of the paper besides its figures, each measured by one experiment."""
