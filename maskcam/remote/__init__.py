"""What machines with cameras and a model server say to each other."""
