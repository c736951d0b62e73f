"""A Dataset from its registration to the word whether jobs can use it. Pure: what is observed goes in, a status comes out."""
