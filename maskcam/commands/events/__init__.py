"""`maskcam events`: the violation log."""
