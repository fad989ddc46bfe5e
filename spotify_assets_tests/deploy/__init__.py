"""The templates, the image and the compose file of deploy/, as far as they can be looked at without AWS and Docker."""
