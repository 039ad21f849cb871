"""What the paper claims beside its figures, each claim as one experiment."""
