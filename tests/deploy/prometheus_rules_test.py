"""The alarms that deploy/prometheus ships, and the metrics that a real server has, by promtool.

    prometheus_rules_test.py BURSARD BURSAR
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import CommandLine, Server  # noqa: E402

RULES = pathlib.Path(__file__).resolve().parents[2] / "deploy/prometheus/bursar.rules.yml"
BURSARD = None
BURSAR = None

# An alarm, and a history of metrics, a minute apart, after which it rings.
RINGING = {
    "BursarDown": {"up": "0x60"},
    "BursarNotServing": {"bursar_serving": "0x60"},
    "BursarStoreFailed": {"bursar_store_failed": "0x49 1x10"},
    "BursarRestartsOften": {"process_start_time_seconds": "0x40 1+100x20"},
    "BursarRefusesCommands": {"bursar_commands_refused_total": "0+1x60"},
    "BursarAnswersWithErrors":
        {'bursar_rpc_answers_total{rpc="CheckAdmission",code="UNAVAILABLE"}': "0+1x60"},
    "BursarPriceMissing": {"bursar_price_fallbacks_total": "0x40 1x20"},
    "BursarUnadmittedRecords": {"bursar_unadmitted_records_total": "0x40 1x20"},
    "BursarNoticesDead": {"bursar_notices_dead_total": "0x40 1x20"},
    "BursarBackupOld": {"bursar_last_backup_timestamp_seconds": "-100000x60"},
    "BursarNoticesLate": {"bursar_notices_oldest_age_seconds": "0+120x60"},
}
HEALTHY = {
    "up": "1x60", "bursar_serving": "1x60", "bursar_store_failed": "0x60",
    "process_start_time_seconds": "1000x60", "bursar_commands_refused_total": "7x60",
    'bursar_rpc_answers_total{rpc="CheckAdmission",code="OK"}': "0+100x60",
    'bursar_rpc_answers_total{rpc="CheckAdmission",code="INVALID_ARGUMENT"}': "0+1x60",
    "bursar_price_fallbacks_total": "7x60", "bursar_unadmitted_records_total": "7x60",
    "bursar_notices_dead_total": "7x60", "bursar_notices_oldest_age_seconds": "30x60",
    "bursar_last_backup_timestamp_seconds": "0x60",
}
MINUTE = 50


def promtool(*arguments, text=None):
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True,
                          text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def series(metrics):
    """As `promtool test rules` takes it, with the labels that a scrape adds."""
    labelled = []
    for name, values in metrics.items():
        name, _, more = name.partition("{")
        labels = ['job="bursar"', 'instance="a"'] + ([more.rstrip("}")] if more else [])
        labelled.append({"series": f"{name}{{{','.join(labels)}}}", "values": values})
    return labelled


class PrometheusTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bursar-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def real_metrics(self):
        """What a server answers after some calls of every outcome."""
        server = Server(BURSARD, self.folder / "data", "--backups", self.folder / "backups")
        self.addCleanup(server.stop)
        line = CommandLine(BURSAR, self.folder)
        line.run(server.address, "org", "create", "acme", "--plan", "team")
        line.run(server.address, "members", "add", "acme", "ann", "--email", "ann@acme.example",
                 "--role", "primary_owner", "--seat", "standard")
        line.run(server.address, "check", "acme", "ann", "--surface", "chat")
        line.run(server.address, "record", "acme", "ann", "--surface", "chat", "--model",
                 "claude-sonnet-4-6", "--input", "10", "--output", "10")
        line.run(server.address, "check", "acme", "no one", expect=(2, 4))

        def metrics():
            url = f"http://{server.http_address}/metrics"
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.read().decode()
        self.assertRegex(metrics(), r"(?m)^bursar_last_backup_timestamp_seconds 0$")
        line.run(server.address, "backup", "create")
        self.assertRegex(metrics(), r"(?m)^bursar_last_backup_timestamp_seconds [1-9]")
        return metrics()

    def test_metrics_are_as_prometheus_wants_them(self):
        metrics = self.real_metrics()
        self.assertEqual(promtool("check", "metrics", text=metrics), (0, ""))

    def test_alarms_name_only_metrics_that_there_are(self):
        self.assertEqual(promtool("check", "rules", RULES)[0], 0)
        metrics = self.real_metrics()
        there = set(re.findall(r"(?m)^# TYPE (\S+) ", metrics)) | {"up"}
        named = set(re.findall(r"\b(?:bursar|process)_[a-z_]+\b",
                               "\n".join(re.findall(r"(?ms)expr: (.*?)\n        \w", RULES.read_text()))))
        self.assertGreater(len(named), 5)
        self.assertEqual(named - there, set())
        self.assertRegex(metrics, r'bursar_rpc_answers_total\{[^}]*code="OK"')
        self.assertRegex(metrics, r'bursar_rpc_answers_total\{[^}]*rpc="[^"]*CheckAdmission"')

    def test_each_alarm_rings_at_its_sign_and_at_no_other(self):
        alarms = re.findall(r"- alert: (\S+)", RULES.read_text())
        self.assertEqual(sorted(alarms), sorted(RINGING), "each alarm has a case here")
        # promtool compares whole alerts; without labels and annotations only names are left.
        plain = re.sub(r"(?ms)^        labels:.*?(?=^      - alert:|\Z)", "", RULES.read_text())
        self.assertNotIn("annotations", plain)
        (self.folder / "plain.yml").write_text(plain)
        cases = []
        for ringing, signs in {None: {}, **RINGING}.items():
            tests = []
            for alarm in alarms:
                labels = {"instance": "a"}
                labels |= ({"rpc": "CheckAdmission"} if alarm == "BursarAnswersWithErrors"
                           else {"job": "bursar"})
                tests.append({"eval_time": f"{MINUTE}m", "alertname": alarm,
                              "exp_alerts": [{"exp_labels": labels}] if alarm == ringing else []})
            cases.append({"interval": "1m", "input_series": series({**HEALTHY, **signs}),
                          "alert_rule_test": tests})
        # JSON is YAML.
        (self.folder / "cases.yml").write_text(json.dumps(
            {"rule_files": ["plain.yml"], "evaluation_interval": "1m", "tests": cases}))
        status, output = promtool("test", "rules", self.folder / "cases.yml")
        self.assertEqual(status, 0, output)


if __name__ == "__main__":
    BURSARD, BURSAR = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1], verbosity=2)
