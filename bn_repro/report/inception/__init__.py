"""The report on section 4.2.2: `page` writes it, the others are its parts."""
