"""The pages of the window. They show models and say what the person wants; they hold no state of a transfer."""
