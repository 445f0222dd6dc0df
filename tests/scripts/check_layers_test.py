#!/usr/bin/env python3
"""Tests that check_layers.py reports what breaks the layer table, and nothing else."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))
import check_layers  # noqa: E402


class CheckLayers(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)
        for folder in check_layers.ALLOWED:
            (self.root / folder).mkdir(parents=True)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def check(self):
        return check_layers.check_tree(self.root)

    def assert_refused(self, name, text, *words):
        self.write(name, text)
        found = self.check()
        self.assertEqual(len(found), 1, found)
        for word in (name, *words):
            self.assertIn(word, found[0])

    def test_what_the_table_allows_is_silent(self):
        self.write("server/base/a.h", '#include <mutex>\n#include "absl/time/clock.h"\n')
        self.write("server/ledger/a.h", '#include <map>\n#include "absl/time/time.h"\n'
                                        '#include "server/base/money.h"\n')
        self.write("server/engine/a.cc", '#include "storage/store.h"\n'
                                         '#include "bursar/storage/v1/member.pb.h"\n'
                                         '#include "bursar/v1/price_book.pb.h"\n')
        self.write("server/service/a.cc", '#include <grpcpp/grpcpp.h>\n'
                                          '#include "bursar/v1/quota_service.grpc.pb.h"\n')
        self.write("storage/a.cc", '#include <rocksdb/db.h>\n#include "server/base/check.h"\n')
        self.write("client/cli/a.cc", '#include <CLI/CLI.hpp>\n#include "client/lib/client.h"\n')
        self.write("server/app/main.cc", '#include "storage/rocksdb_store.h"\n')
        self.write("tests/ledger/a.cc", '#include "server/engine/engine.h"\n')
        self.assertEqual(self.check(), [])

    def test_ledger_may_not_include_engine(self):
        self.assert_refused("server/ledger/a.cc", '#include "server/engine/engine.h"\n',
                            ":1:", "server/engine")

    def test_ledger_may_not_lock(self):
        self.assert_refused("server/ledger/a.cc", "#include <string>\n#include <mutex>\n", ":2:")

    def test_ledger_may_not_ask_for_the_time(self):
        self.assert_refused("server/ledger/a.cc", '#include "server/base/clock.h"\n')
        self.assert_refused("server/ledger/a.cc", "// absl::Now()\nauto now = absl::Now();\n",
                            ":2:", "absl::Now")

    def test_ledger_may_not_know_the_wire(self):
        self.assert_refused("server/ledger/a.h", '#include "bursar/v1/common.pb.h"\n',
                            "public protos")

    def test_engine_sees_only_the_interface_of_the_store(self):
        self.assert_refused("server/engine/a.cc", '#include "storage/rocksdb_store.h"\n')

    def test_engine_may_not_serve_public_messages(self):
        self.assert_refused("server/engine/a.cc", '#include "bursar/v1/quota_service.pb.h"\n')

    def test_engine_may_not_use_grpc(self):
        self.assert_refused("server/engine/a.cc", "#include <grpcpp/grpcpp.h>\n", "gRPC")

    def test_storage_may_not_include_the_server(self):
        self.assert_refused("storage/a.cc", '#include "server/ledger/state.h"\n', "server/ledger")

    def test_service_may_not_include_records(self):
        self.assert_refused("server/service/a.cc", '#include "bursar/storage/v1/member.pb.h"\n')

    def test_client_may_not_include_the_server(self):
        self.assert_refused("client/cli/a.cc", '#include "server/base/money.h"\n')

    def test_an_unknown_header_is_refused(self):
        self.assert_refused("server/base/a.cc", "#include <boost/any.hpp>\n", "no known kind")

    def test_a_source_outside_the_table_is_refused(self):
        self.assert_refused("server/extra/a.cc", "#include <string>\n", "no folder")

    def test_the_public_contract_may_not_import_records(self):
        self.assert_refused("proto/bursar/v1/a.proto", 'import "bursar/storage/v1/member.proto";\n')

    def test_a_link_upwards_is_refused(self):
        self.write("server/engine/CMakeLists.txt", "bursar_add_library(bursar_engine SOURCES a.cc)\n")
        self.assert_refused("server/ledger/CMakeLists.txt",
                            "bursar_add_library(bursar_ledger SOURCES a.cc DEPENDS bursar_engine)\n",
                            "bursar_engine")


if __name__ == "__main__":
    unittest.main()
