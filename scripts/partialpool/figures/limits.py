"""What figures of many units leave out. Captions say it, and the workflow reads them whenever it starts."""

# More units than this have no intervals in a scatter of points: they would hide each other and the points.
MOST_INTERVALS = 300
