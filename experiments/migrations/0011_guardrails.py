from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0010_rollup_check")]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="strict_guardrails",
            field=models.BooleanField(
                default=False,
                help_text=(
                    "Name no winner before a loss beyond the margin is excluded on every guardrail,"
                    " which takes many more visitors. Otherwise a winner is named with the loss"
                    " that is not excluded."
                ),
                verbose_name="strict guardrails",
            ),
        ),
        migrations.AlterField(
            model_name="experiment",
            name="rolls_back",
            field=models.BooleanField(
                default=True,
                help_text=(
                    "Take a harmed arm out as soon as a guardrail shows it; show everybody the"
                    " default CTA if no other arm is left or the visitors do not split as the"
                    " shares say. Can be undone."
                ),
                verbose_name="roll back on an alarm",
            ),
        ),
        migrations.RemoveConstraint(model_name="variant", name="variant_share_range"),
        migrations.AddField(
            model_name="variant",
            name="rolled_back_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="rolled back"
            ),
        ),
        migrations.AddField(
            model_name="variant",
            name="rollback_reason",
            field=models.TextField(
                blank=True, default="", editable=False, verbose_name="reason of the roll-back"
            ),
        ),
        migrations.AddConstraint(
            model_name="variant",
            constraint=models.CheckConstraint(
                condition=models.Q(share__gte=0) & models.Q(share__lte=1),
                name="variant_share_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="variant",
            constraint=models.CheckConstraint(
                condition=models.Q(rolled_back_at__isnull=True, rollback_reason="")
                | (models.Q(rolled_back_at__isnull=False, share=0) & ~models.Q(rollback_reason="")),
                name="variant_rolled_back_without_share",
            ),
        ),
        migrations.AlterField(
            model_name="change",
            name="kind",
            field=models.CharField(
                choices=[
                    ("start", "Started"),
                    ("pause", "Paused"),
                    ("resume", "Resumed"),
                    ("stop", "Stopped"),
                    ("archive", "Archived"),
                    ("shares", "Shares changed"),
                    ("ramp", "Step of the ramp"),
                    ("rollback", "Rolled back"),
                    ("undo", "Roll-back undone"),
                    ("arm_off", "Arm rolled back"),
                    ("arm_on", "Roll-back of an arm undone"),
                    ("schedule", "Schedule"),
                    ("guard_on", "Rolls back on an alarm"),
                    ("guard_off", "Does not roll back on an alarm"),
                ],
                max_length=10,
                verbose_name="what",
            ),
        ),
    ]
