"""The AuthZEN side: whether a person may do something for an enterprise."""
