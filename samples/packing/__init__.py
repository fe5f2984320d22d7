"""Packs pages of documentation packages into the WARC files of the sample.

It exists so that everybody can make the shipped crawls again and see what they hold. It fetches packages
by apt, from the mirror this machine already uses, and refuses one whose version or digest is not the locked
one. It never asks the web site a page belongs to for anything.
"""
