"""results/analysis: the experiments around section 4.1's network, one section each."""
