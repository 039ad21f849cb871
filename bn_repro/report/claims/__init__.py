"""results/claims.md: thirty claims of the paper, each tried, each with a verdict."""
