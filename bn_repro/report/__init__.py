"""Numbers as text and pictures; trains nothing.

`collect` turns workdirs into the two files of a sweep that are committed (its
summaries as JSON, its curves as CSV); the other modules read only those, so that
a figure can be made again without the runs. Estimates, tables and figures do not
know how the runs were trained, nor what they were for.
"""
