"""Visitors who were too slow to take part."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0038_destinations_of_pages")]

    operations = [
        migrations.RemoveConstraint(
            model_name="rollup",
            name="rollup_counts_possible",
        ),
        migrations.AddField(
            model_name="rollup",
            name="late_visitors",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="Left out of the analysis.",
                verbose_name="visitors who were too slow to take part",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="flags",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="Bits: 1 sent by a bot, 2 internal traffic, 4 pre-fetched and not yet seen, 8 of an arm that the visitor cannot have been given, 16 in a burst of few senders, 32 of an order that is counted already, 64 by a visitor held out, 128 of an arm that came too late to be shown.",
                verbose_name="flags",
            ),
        ),
        migrations.AlterField(
            model_name="visitoroutcome",
            name="exclusion",
            field=models.PositiveSmallIntegerField(
                choices=[
                    (0, "counted"),
                    (1, "bots"),
                    (2, "internal traffic"),
                    (3, "saw several arms"),
                    (4, "only pre-fetched"),
                    (5, "clicked before they saw it"),
                    (6, "arm that nobody gave them"),
                    (7, "burst of few senders"),
                    (8, "too slow to take part"),
                ],
                db_default=0,
                default=0,
            ),
        ),
        migrations.AddConstraint(
            model_name="rollup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("clicking_visitors__gte", 0),
                    ("converting_visitors__gte", 0),
                    ("quarantined_visitors__gte", 0),
                    ("bot_visitors__gte", 0),
                    ("internal_visitors__gte", 0),
                    ("prefetched_visitors__gte", 0),
                    ("impossible_visitors__gte", 0),
                    ("unexplained_visitors__gte", 0),
                    ("burst_visitors__gte", 0),
                    ("late_visitors__gte", 0),
                    ("clicking_visitors__lte", models.F("visitors")),
                    ("converting_visitors__lte", models.F("visitors")),
                    ("click_sum__gte", 0),
                    ("conversion_sum__gte", 0),
                    ("repeated_orders__gte", 0),
                ),
                name="rollup_counts_possible",
            ),
        ),
    ]
