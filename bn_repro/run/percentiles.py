"""Names of the percentiles of sigmoid inputs (figure 1 (b, c)). Imports no JAX."""

PERCENTILES = (15, 50, 85)
# Of the unit that a config tracks: tags of metrics.jsonl and TensorBoard.
TAGS = tuple(f'sigmoid_input/percentile_{p}' for p in PERCENTILES)
# Of every unit, `[3, units]`: in metrics.jsonl only.
OF_ALL_UNITS = 'sigmoid_input/percentiles'
