"""What AWS answers and refuses, whichever service it is."""
