"""One test for each attack of the threats table, played as the attacker would."""
