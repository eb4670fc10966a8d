"""Trying accounts on phones of our own.

plan      what a trial shall find out, its size, its price     phones    whose phones, and who looks
words     the test texts                                       schedule  who gets what from whom, and when
run       the job, start, pause, cancel                        confirm   what people say arrived
figures   what each account did                                pairs     accounts on the same phones
matrix    by carrier and hour                                  promises  promised functions, kept or not
report    all of it together, and the verdict                  links     the page a phone's owner opens
sheet     plan and progress as plain data
"""
