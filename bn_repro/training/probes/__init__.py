"""What is measured while a network is trained, besides its accuracy."""
