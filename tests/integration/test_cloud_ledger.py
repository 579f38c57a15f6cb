"""test_cloud_ledger - the agent reads the sample cloud's ledger tables by ODBC and sends the same documents that the cloud posts.

The cloud's postings of a few hundred legacy documents, with plants of every kind, fill the tables; the profile sample_cloud reads
them; every document's data must come out as it was posted, also after one is amended and one is voided.
"""
import os
import sys
import tempfile
import unittest

import agent as agents
import pipeline
import servers

ROOT = pipeline.ROOT
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "unit")]

import test_sample_posting as samples  # noqa: E402
from sample_cloud import book as books  # noqa: E402
from sample_cloud import warehouse  # noqa: E402


class CloudLedger(unittest.TestCase):
    """What is read is what was posted."""

    def the_same(self, database=None):
        with tempfile.TemporaryDirectory() as directory, \
                pipeline.Pipeline(None, database, source={"profile": "sample_cloud"}) as line:
            cloud = samples.Cloud(directory, 300)
            cloud.posted.round(samples.PLANT)
            self.assertEqual(warehouse.fill(line.address, cloud.posted.documents()), len(list(cloud.posted.documents())))
            line.agent.start()
            self.wait_same(line, cloud)
            number = cloud.number_of("invoice")
            cloud.send(number, revision=2, change="amended", terms='another word, "quoted"')
            cloud.send(cloud.number_of("journal"), revision=2, change="voided")
            self.assertEqual(cloud.posted.round(), 2)
            self.assertEqual(warehouse.fill(line.address, cloud.posted.documents()), 2)
            self.wait_same(line, cloud)
            line.agent.stop()

    def wait_same(self, line, cloud):
        """Until the subscriber holds what was posted, field by field."""
        posted = {subject: (data, voided) for data, voided, _, subject in cloud.posted.documents()}

        def received():
            if not os.path.exists(line.cloud_file):
                return {}
            book = books.Book(line.cloud_file)
            found = {subject: (books.json.loads(data), bool(voided)) for subject, data, voided in
                     book.rows("SELECT subject, data, voided FROM documents")}
            book.connection.close()
            return found

        try:
            line.agent.wait("the documents of the ledger", lambda: received() == posted, 40, pause=0.5)
        except agents.AgentError as error:
            found = received()
            wrong = [f"{subject}: posted {data}, received {found.get(subject)}" for subject, data in sorted(posted.items())
                     if found.get(subject) != data]
            self.fail("\n".join([f"{len(wrong)} differ", *wrong[:3], str(error)]))

    def test_sqlite(self):
        self.the_same()

    def test_postgresql(self):
        with servers.Postgres() as database:
            self.the_same(database)


if __name__ == "__main__":
    unittest.main()
