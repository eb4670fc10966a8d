"""Which way a message goes: rules, pools of senders, failover, second texts.

rules      what a rule is, and reading them        editing   making and changing rules
senders    pools and their senders                 health    what is measured of accounts
matching   which rule fits whom in a batch         choosing  which account of the rule, and why
router     a batch's lanes                         way       what a lane asks and writes on its way
decision   what is kept with a message             second    another text when no receipt comes
explain    "test this number"

The rule that no message goes twice stands above all of it (`core.sending.route`): only a message that was never
bound to an account before is ever handed on, and only when the provider's answer proves that it was not sent.
"""
