"""How many units figures show. Captions say it, and the workflow reads them whenever it starts."""

# More units than this hide each other. Where the config does not choose, so many are drawn at random; a scatter of
# points has all units, and intervals for at most so many.
MOST_UNITS = 200
# Of group-level effects in order, a thin interval each.
MOST_EFFECTS = 500
