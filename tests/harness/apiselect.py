# SPDX-License-Identifier: Apache-2.0
"""labelSelector and fieldSelector, as the API server reads them."""
import re

NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
REQUIREMENT = re.compile(
    rf"\s*(?:(?P<missing>!)\s*(?P<absent>{NAME})|(?P<key>{NAME})"
    rf"(?:\s*(?P<operator>==|=|!=)\s*(?P<value>(?:{NAME})?)|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,|$)")
FIELD = re.compile(r"\s*(metadata\.name|metadata\.namespace)\s*(==|=|!=)\s*([^,=!]*?)\s*(?:,|$)")


class BadSelector(ValueError):
    pass


def parse_labels(text):
    """[(key, wanted values or None for any, is that it must match)]"""
    position = 0
    while position < len(text):
        match = REQUIREMENT.match(text, position)
        if not match or match.end() == position:
            raise BadSelector(f'unable to parse requirement: found \'{text[position:]}\', expected: \',\' or \'end of string\'')
        position = match.end()
        if match["missing"]:
            yield match["absent"], None, False
        elif match["set"]:
            yield match["key"], {value.strip() for value in match["values"].split(",")}, match["set"] == "in"
        elif match["operator"]:
            yield match["key"], {match["value"]}, match["operator"] != "!="
        else:
            yield match["key"], None, True


def parse_fields(text):
    """[(field, value, is equal)]"""
    position = 0
    while position < len(text):
        match = FIELD.match(text, position)
        if not match:
            raise BadSelector(f'field label not supported: {text[position:]}')
        position = match.end()
        yield match[1].partition(".")[2], match[3], match[2] != "!="


class Selector:
    """Of a request: labels, fields, and the namespace of its path."""

    def __init__(self, labels, fields, namespace=None):
        self.labels, self.fields = list(parse_labels(labels)), list(parse_fields(fields))
        if namespace is not None:
            self.fields.append(("namespace", namespace, True))
        self.is_all = not self.labels and not self.fields

    def matches(self, stored):
        if self.is_all:
            return True
        for field, value, is_equal in self.fields:
            if (getattr(stored, field) == value) != is_equal:
                return False
        for key, values, is_wanted in self.labels:
            has = key in stored.labels and (values is None or stored.labels[key] in values)
            if has != is_wanted:
                return False
        return True
