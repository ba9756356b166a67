"""Reports: what was run, judged and drawn, put together as one page that needs nothing else.

judged claims ──summarize──▶ Summary: the headline, and what is wrong
judged claims ──claim_record──▶ records for JSON
a claim's draw, gallery.GALLERY ──▶ Picture ──make_plate──▶ Plate: files, and the page's drawing
all of them ──report_page──▶ one HTML file
a sweep's tables ──sweep_pictures──▶ Pictures, ──sweep_page──▶ one HTML file
a monitor's records ──monitor_pictures──▶ Pictures, ──monitor_page──▶ one HTML file
"""

from marginflow.report.monitor_page import monitor_page
from marginflow.report.monitor_pictures import monitor_pictures
from marginflow.report.page import About, report_page
from marginflow.report.picture import Picture, claim_picture
from marginflow.report.plate import Plate, make_plate
from marginflow.report.record import claim_record
from marginflow.report.summary import Problem, Summary, summarize
from marginflow.report.sweep_page import sweep_page
from marginflow.report.sweep_pictures import sweep_pictures

__all__ = [
    "About",
    "Picture",
    "Plate",
    "Problem",
    "Summary",
    "claim_picture",
    "claim_record",
    "make_plate",
    "monitor_page",
    "monitor_pictures",
    "report_page",
    "summarize",
    "sweep_page",
    "sweep_pictures",
]
