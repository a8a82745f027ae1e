"""The frozen configurations an experiment is made of."""
