"""What the tutorials share: the data package and the classifier."""
