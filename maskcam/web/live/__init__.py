"""Live pictures for people who look on: encoded once per camera, however many they are."""
