"""Small models that lectures, notebooks and tests share; each file reads on its own."""
