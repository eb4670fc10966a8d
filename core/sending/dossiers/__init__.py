"""Papers of vendors: is this company allowed to send what we ask it to send, and until when?

catalogue  which papers a country asks for, as shipped
needs      the same as the house has it: people change lines and add their own
changing   around every change: one at a time, with its history
store      a company's dossier, its accounts and what is written about each paper
files      uploads: what they are by their content, kept encrypted in the database
standing   what state each paper is in, and whether the verdict holds
barring    which accounts are left out of mass texts, and why
verdict    a person's judgement, and how it falls
reminders  by mail and on the Overview, before a paper expires
sheet      all of it as plain data: for people, files and programs

A summary by engineers, no legal advice: what a country asks for changes, and stands here with the day it was
looked up.
"""
