"""Break Slipstream in every way there is, at random, and check that it kept its promises."""
