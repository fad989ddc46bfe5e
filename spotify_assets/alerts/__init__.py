"""What people are told of by themselves: editions in which something moved, and failures."""
