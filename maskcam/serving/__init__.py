"""A model server on Ray Serve: detector and classifier for many machines with cameras."""
