"""What every answer made by the gateway itself has to look like."""

import json

from .scenario import UUID7

MEMBERS = {"type", "title", "status", "detail", "reason", "instance", "message"}


def check_problem(test, answer, reason, status, request_id=None):
    """Asserts the whole of section 5 of the contract; returns the decoded problem."""
    test.assertEqual((answer.reason, answer.status), (reason, status), answer.body[:300])
    for name in ("content-type", "x-gateway-reason", "x-request-id", "content-length"):
        test.assertEqual(len(answer.all(name)), 1, (name, answer.headers))
    test.assertEqual(answer.get("content-type"), "application/problem+json")
    problem = json.loads(answer.body)
    test.assertEqual(set(problem) - {"errors"}, MEMBERS)
    test.assertEqual(problem["type"], f"https://argos-gateway.invalid/problems/{reason}")
    test.assertEqual((problem["status"], problem["reason"]), (status, reason))
    test.assertTrue(problem["title"] and problem["detail"])
    test.assertEqual(problem["message"], problem["detail"])
    test.assertEqual(problem["instance"], answer.get("x-request-id"))
    if request_id:
        test.assertEqual(problem["instance"], request_id)
    else:
        test.assertRegex(problem["instance"], UUID7)
    if status == 503:
        test.assertRegex(answer.get("retry-after", ""), r"^[1-9][0-9]*$")
    return problem
